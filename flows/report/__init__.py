"""The report: one page in which an author reads which tasks teach, which graders lie, and why.

queries and data ask, texts selects what was handed in, charts draws, findings puts into words, sections says what is
shown in which order, page puts it together. Every number of the page stands in the page, under the name of the view or
query it came from.
"""
