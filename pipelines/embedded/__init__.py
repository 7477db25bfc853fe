"""A local Airflow and the sample city, started and stopped as processes of this one machine.

    processes.py    start a process in a session of its own; end a session for good
    watchdog.py     ends the sessions when whoever started them is gone
    api.py          Airflow's REST API, as far as the demo needs it
    supervisor.py   the settings and the components of the embedded Airflow
    due.py          which feeds a business day has to pull, and which window
    demo.py         three business days, the checks and the summary; `up` stays running

Nothing here imports Airflow: it runs the `airflow` command that is installed beside this Python.
"""
