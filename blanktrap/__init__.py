"""blanktrap finds the blank images in a camera-trap archive.

Importing it is light: neither torch, ray nor streamlit is loaded. See README.md for the commands.
"""

__version__ = "0.1.0"
