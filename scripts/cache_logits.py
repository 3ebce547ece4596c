"""Write the logits of saved teachers for every view of the training images, or check those that are there.

    python scripts/cache_logits.py saved_models/reference-cnn --data fer2013.zip --cached-views 16

A view of FER2013 takes the reference CNN about 12 s on 2 cores.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("cache_logits")
