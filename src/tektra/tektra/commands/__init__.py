"""What robots can be told to do: the vocabulary, and the parser that finds it in a sentence."""
