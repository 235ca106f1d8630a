"""The index: what the log amounts to, and what this machine measured itself, as a database that can be queried.

`Index` keeps it up to date with the log (`index`). `IndexReader` reads pages, votes and counts (`reads`), and rows for
models and validators (`learning`), on a connection of its own. `run_query` runs SQL of anybody's on the documented
views, see `VIEWS` (`query`). Entries become rows in `intake`, what rows amount to is decided in `settlement` by the
rules of `adaptor.sharing.core.standing`, and `own` puts this machine's measurements beside them.

In a notebook:

>>> from adaptor.sharing.index import run_query
>>> result = run_query(path, "select parallelism, avg(duration_s) from observations where algorithm = ? group by 1",
...                    parameters=["kmeans"])  # doctest: +SKIP
>>> pandas.DataFrame(result.rows, columns=result.columns)  # doctest: +SKIP
"""

from adaptor.sharing.index.index import Index, PeerRow
from adaptor.sharing.index.intake import time_text
from adaptor.sharing.index.query import Result, run_query
from adaptor.sharing.index.reader import IndexReader
from adaptor.sharing.index.rows import IndexedObservation, ObservationFilter, Page, TrainingRows, View, Vote, Why
from adaptor.sharing.index.schema import FILE_NAME
from adaptor.sharing.index.views import VIEWS

__all__ = [
    "FILE_NAME",
    "VIEWS",
    "Index",
    "IndexReader",
    "IndexedObservation",
    "ObservationFilter",
    "Page",
    "PeerRow",
    "Result",
    "TrainingRows",
    "View",
    "Vote",
    "Why",
    "run_query",
    "time_text",
]
