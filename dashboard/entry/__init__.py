"""The script that the web server runs, in a folder of its own.

Streamlit takes every module in a folder `pages` beside its script for a page; a link to one, opened before
any other visit, would then run that module instead of the frame: no navigation, no password.
"""
