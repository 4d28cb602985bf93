"""The checks of Karpathy's "A Recipe for Training Neural Networks", on a replay of the sample at hand."""
