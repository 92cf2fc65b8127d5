"""Addresses of every kind that RFC 5321, section 4.1.2, allows."""

from string import ascii_letters, digits

from hypothesis import strategies as st

ATEXT = ascii_letters + digits + "!#$%&'*+-/=?^_`{|}~"
QTEXT = "".join(chr(c) for c in range(32, 127) if chr(c) not in '"\\')
_atoms = st.text(ATEXT, min_size=1, max_size=8)
_dot_strings = st.lists(_atoms, min_size=1, max_size=5).map(".".join)
_quoted_parts = st.text(QTEXT, max_size=8) | st.characters(min_codepoint=32, max_codepoint=126).map(
    "\\{}".format
)
_quoted_strings = st.lists(_quoted_parts, max_size=5).map(lambda parts: f'"{"".join(parts)}"')
_let_dig = st.sampled_from(ascii_letters + digits)
_labels = st.builds(
    lambda first, middle, last: first + middle + last,
    _let_dig,
    st.text(ascii_letters + digits + "-", max_size=10),
    _let_dig,
)
_domains = st.lists(_labels, min_size=1, max_size=4).map(".".join)
_literals = st.ip_addresses(v=4).map("[{}]".format) | st.ip_addresses(v=6).map("[IPv6:{}]".format)

ADDRESSES = st.builds("{}@{}".format, _dot_strings | _quoted_strings, _domains | _literals).filter(
    lambda address: len(address.rpartition("@")[0]) <= 64
)
