"""Text from tokens as they come."""

import codecs

from slm_lsp.tokens.vocabulary import Vocabulary


class StreamDecoder:
    """Turns ids into text one at a time, holding back a character until its last byte has come."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def fork(self) -> "StreamDecoder":
        """Return a decoder that goes on from here by itself."""
        made = StreamDecoder(self._vocabulary)
        made._decoder.setstate(self._decoder.getstate())
        return made

    def feed(self, id: int) -> str:
        """Return the text that `id` completes, which may be empty; bytes that are not UTF-8 become U+FFFD."""
        return self._decoder.decode(self._vocabulary.token_bytes(id))
