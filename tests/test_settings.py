"""Where the studio thinks it is, and what it may do there."""

import pytest

from studio.settings import Settings, host_kind, language_of


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("zh-HK", "zh"), ("zh.UTF-8", "zh"), ("zha", "en"), ("en_GB", "en"), ("C", "en"), (None, "en")],
)  # fmt: skip
def test_any_chinese_is_chinese(tag, language):
    assert language_of(tag) == language


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "local"),
        ({"SPACE_ID": "a/b"}, "space"),
        ({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"}, "zerogpu"),
        ({"MODELSCOPE_ENVIRONMENT": "studio"}, "modelscope"),
        ({"COLAB_RELEASE_TAG": "x"}, "colab"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, "kaggle"),
    ],
)
def test_host_is_read_from_the_environment(environment, host):
    assert host_kind(environment) == host


def test_visitors_of_a_public_studio_may_neither_train_nor_delete_nor_name_paths(tmp_path):
    public = Settings.from_environment(root=tmp_path, host="local", public=True)
    own = Settings.from_environment(root=tmp_path, host="local")
    for may in ("may_train", "may_delete", "may_import_paths", "may_fetch_models", "may_browse_history"):
        assert getattr(own, may)
        assert not getattr(public, may)


def test_folders_follow_the_folder_that_holds_them(tmp_path, monkeypatch):
    monkeypatch.delenv("INKSTONE_OUTPUT", raising=False)
    settings = Settings.from_environment(root=tmp_path, models_dir=tmp_path / "m", host="local")
    assert settings.loras_dir == tmp_path / "m" / "loras"
    assert settings.output_dir == tmp_path / "outputs"
    monkeypatch.delenv("INKSTONE_RUNS", raising=False)
    assert Settings.from_environment(output_dir=tmp_path / "o").runs_dir == tmp_path / "o" / "runs"
    monkeypatch.setenv("INKSTONE_RUNS", str(tmp_path / "fast"))
    assert Settings.from_environment(output_dir=tmp_path / "o").runs_dir == tmp_path / "fast"


def test_what_is_given_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INKSTONE_OUTPUT", str(tmp_path / "told"))
    monkeypatch.setenv("INKSTONE_LANGUAGE", "zh-TW")
    assert Settings.from_environment().output_dir == tmp_path / "told"
    assert Settings.from_environment().language == "zh"
    assert (
        Settings.from_environment(output_dir=tmp_path / "given", language="en").output_dir
        == tmp_path / "given"
    )
