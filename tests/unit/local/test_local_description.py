"""What one process leaves for another about a cluster."""

from __future__ import annotations

import pytest

from adaptor.errors import EmbeddedFlinkError
from adaptor.local.description import FILE_NAME, ClusterDescription, read_description, write_description

DESCRIPTION = ClusterDescription(
    rest_port=8081, java="/opt/java", class_path="/flink/lib/*", module_options=("--add-opens=a/b=C",), cores=(0, 3)
)


def test_a_description_is_read_as_it_was_written(tmp_path):
    """And nothing but the file is left."""
    write_description(tmp_path, DESCRIPTION)
    assert read_description(tmp_path) == DESCRIPTION
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("content", ["", "[]", '{"rest_port": "many"}', '{"rest_port": 1}'])
def test_a_damaged_description_is_refused_with_its_path(tmp_path, content):
    """Half a file, another program's file, fields missing."""
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(EmbeddedFlinkError, match=FILE_NAME):
        read_description(tmp_path)


def test_a_missing_description_says_that_nothing_was_started(tmp_path):
    """The commonest mistake is a wrong folder."""
    with pytest.raises(EmbeddedFlinkError, match="no embedded Flink was started"):
        read_description(tmp_path)
