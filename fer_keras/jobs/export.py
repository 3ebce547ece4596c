"""Export a model for TF Serving, LiteRT and ONNX Runtime, each checked to answer as the Keras model does.

    python scripts/export.py saved_models/separable-93k --data fer2013.zip

Under a minute on 2 cores for a student, a few for a large teacher. Writes <MODEL>/<version>/, model.onnx and four
.tflite files (float32 and int8, each also for one face at a time), what they are worth to exports.json, and the card
again where there is one. Without --data 8-bit integers are calibrated on drawn faces and no accuracy is given. Needs
pip install '.[export]'.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.export.formats import format_names


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .keras file, its folder, or the name of a saved model")
    parser.add_argument("--format", nargs="+", choices=format_names(), default=format_names(), help="default: all")
    parser.add_argument("--version", type=int, help="number of the SavedModel's folder; default: the next free one")
    parser.add_argument("--to", type=Path, help="folder of the exported files; default: the model's own")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="what the model wants grey values 0..255 multiplied by; default 1"
    )
    cli.add_data_options(parser)
    return parser


def main() -> None:
    """Parse, export, print how each format fared."""
    args = parser().parse_args()
    cli.set_up(args)

    from fer_keras.jobs.export_subject import ExportOptions
    from fer_keras.jobs.exporting import export_model

    options = ExportOptions(args.version, args.to, args.classes, args.scale)
    export_model(args.model, args.format, cli.load_data(args) if args.data else None, options)
