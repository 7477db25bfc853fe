"""The quarantine desk: bad rows go out on sheets, come back corrected, and leave a trail.

    ledger      what became of each row of quarantine, from the files of the lake
    rows        rows of quarantine as the lake has them, and which of them are settled
    faults      which columns of a row may be corrected, and what its reasons say
    sheets      a sheet as a workbook or as CSV
    returned    a sheet that came back, in whatever state

A row is known by its feed, batch and number, and by check digits of its content. The same content received again,
by a later pull of the same broken source, has the same digits: settling one row settles them all.
"""
