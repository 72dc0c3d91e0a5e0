from concurrent.futures import ThreadPoolExecutor

from common.runs import checksums


def test_files_that_are_replaced_at_the_same_time_all_have_their_checksums(tmp_path) -> None:
    paths = [tmp_path / f"{number}.json" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: checksums.replace(path, path.name.encode()), paths))
    read = [checksums.read(tmp_path, path.name, "", needed=True) for path in paths]
    assert read == [path.name.encode() for path in paths]
    assert len(list(tmp_path.iterdir())) == len(paths) + 1
