"""What others are told of each stage while it works: OpenLineage events. Nothing is decided here, and nothing waits.

stages     which job, what it read and wrote, what it found
events     one run of one job: it starts, it ends
datasets   what our data sets are called
one_file   where events go when nobody says otherwise
"""
