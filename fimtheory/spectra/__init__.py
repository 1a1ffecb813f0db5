"""Laws of large random matrices, as numbers: Marchenko-Pastur, and the spectrum of one hidden layer.

Knows nothing of activations: it is given the constants of a layer as numbers.
"""

from fimtheory.spectra.marchenko_pastur import MarchenkoPastur
from fimtheory.spectra.two_mode import TwoModeLaw

__all__ = ["MarchenkoPastur", "TwoModeLaw"]
