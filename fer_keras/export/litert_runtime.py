"""Which of the two packages that can run a LiteRT file does it here."""

from types import ModuleType


def litert_runtime() -> ModuleType:
    """Return the module with `Interpreter` and `OpResolverType`: LiteRT's own where installed, else TensorFlow's.

    TensorFlow's warns that it will be taken away, and takes seconds to import.
    """
    try:
        import ai_edge_litert.interpreter as runtime
    except ImportError:
        from tensorflow.lite.python import interpreter as runtime
    return runtime
