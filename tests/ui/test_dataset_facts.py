"""What is counted of a set, and when its report is out of date."""

from dataclasses import replace

from studio.dataset_requests import ImportRequest
from studio.datasets.imports import begin, end, keep
from studio.ui.dataset_facts import mark_of
from tests.datasets.formats.made import a_set


def test_the_end_of_an_import_makes_a_report_out_of_date(tmp_path):
    with a_set(tmp_path) as catalogue:
        record = replace(begin(catalogue, ImportRequest(where="/boats")), taken=8)
        keep(catalogue, record)
        under_way = mark_of(catalogue)
        assert mark_of(catalogue) == under_way
        end(catalogue, record, True, None)
        assert mark_of(catalogue) != under_way
