"""What `streamlit run` is pointed at.

    streamlit run dashboard/entry/script.py -- REPORT_OR_RUN…

Owns: nothing. Refuses: everything; the frame is `dashboard.app`.
"""

from dashboard.app import show_app

show_app()
