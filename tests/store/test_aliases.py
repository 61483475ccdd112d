"""1.6's integers in memory."""

from stationd.store.aliases import Aliases


def test_a_new_integer_replaces_the_old_one_of_a_transaction() -> None:
    aliases = Aliases([("a", 1)])
    aliases.add("a", 2)
    assert (aliases.alias("a"), aliases.transaction_of(1), aliases.transaction_of(2)) == (2, None, "a")


def test_forgetting_the_older_of_two_keeps_the_newer() -> None:
    aliases = Aliases([("a", 1), ("b", 1)])
    aliases.forget(["a", "unknown"])
    assert (aliases.alias("a"), aliases.transaction_of(1)) == (None, "b")
