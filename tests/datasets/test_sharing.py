"""What is told about licences before a set is handed on."""

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Provenance
from studio.datasets.sharing import CREDITED, FORBIDDEN, NOT_COMMERCIAL, UNSTATED, warnings
from tests.datasets.formats.made import new


def set_of(root, *licences):
    catalogue = Catalogue.create(root, Need())
    catalogue.add([new(root, n, provenance=Provenance(license=one)) for n, one in enumerate(licences)])
    return catalogue


def test_the_gravest_comes_first_and_like_licences_are_counted_together(tmp_path):
    licences = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "NOASSERTION", "CC-BY-NC-4.0", "CC0-1.0")
    with set_of(tmp_path, *licences) as catalogue:
        said = warnings(catalogue)
    assert [one.text for one in said] == [FORBIDDEN, UNSTATED, NOT_COMMERCIAL, CREDITED]
    assert said[-1].values == {"count": 2, "licences": "CC-BY-4.0, CC-BY-SA-4.0"}
    assert all(one.say("zh") for one in said)


def test_public_domain_and_pictures_that_were_taken_out_say_nothing(tmp_path):
    with set_of(tmp_path, "CC0-1.0", "CC-BY-ND-4.0") as catalogue:
        catalogue.delete([2])
        assert warnings(catalogue) == []
