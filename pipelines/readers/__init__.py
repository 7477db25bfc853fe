"""How landed bytes become rows of raw text. Typing, privacy and judging come later, elsewhere.

    received.py      read(): one part after another into the temp table `received`
    decoding.py      which encoding a part really has
    columns.py       which names on the wire belong to which column, and which must never appear
    json_records.py  JSON:  with json_names.py, the names inside records
    csv_records.py   CSV:   with csv_dialect.py and csv_cells.py, the fields
    xlsx_records.py  XLSX:  with xlsx_workbook.py, the cells
    xml_records.py   XML:   with xml_elements.py, the elements
    tables.py        what CSV, XLSX and XML share: a header, cells, wide to long

Nothing here loops over the records of a JSON, CSV or XML part, and nothing is ever written to disk: parts hold
free text and telephone numbers. Errors name the part and the line, never what stands there.
"""

from pipelines.readers.received import Contents, Read, read

__all__ = ["Contents", "Read", "read"]
