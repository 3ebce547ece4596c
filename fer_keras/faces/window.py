"""A window that shows frames, where there is a display; tkinter comes with Python."""

import os
import sys

from PIL import Image


class Window:
    """Shows one picture after the other.

    Attributes:
        is_open: false once the user has closed it, or pressed q or Escape.
    """

    def __init__(self, title: str) -> None:
        """Args: the title. Raises tkinter.TclError where it cannot be opened."""
        import tkinter

        self._root = tkinter.Tk()
        self._root.title(title)
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._root.protocol("WM_DELETE_WINDOW", self.close)
        for key in ("q", "<Escape>"):
            self._root.bind(key, lambda event: self.close())
        self.is_open = True

    def show(self, picture: Image.Image) -> None:
        """Show a picture and hear what the user does."""
        from PIL import ImageTk

        self._shown = ImageTk.PhotoImage(picture, master=self._root)  # kept, or Python would clear it away
        self._label.configure(image=self._shown)
        self._root.update()
        if not self.is_open:
            self._root.destroy()

    def close(self) -> None:
        """Close it after the frame that is being shown."""
        self.is_open = False


def open_window(title: str) -> Window | None:
    """Return a window; None on a machine without a display, or without tkinter."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    try:
        import tkinter
    except ImportError:
        return None
    try:
        return Window(title)
    except tkinter.TclError:
        return None
