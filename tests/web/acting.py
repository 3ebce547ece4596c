"""What people do with the page: drop and paste files, and give it a camera or not."""

import base64

_FILES = """([name, files]) => {
    const carried = new DataTransfer();
    for (const { name, mimeType, buffer } of files) {
        const bytes = Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0));
        carried.items.add(new File([bytes], name, { type: mimeType }));
    }
    const event = name === "paste"
        ? new ClipboardEvent(name, { clipboardData: carried, bubbles: true })
        : new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


def drop(page, *files):
    """Drop files such as `drawn.upload` gives."""
    page.evaluate(_FILES, ["drop", _sent(files)])


def paste(page, *files):
    """Paste files such as `drawn.upload` gives."""
    page.evaluate(_FILES, ["paste", _sent(files)])


def _sent(files):
    return [{**file, "buffer": base64.b64encode(file["buffer"]).decode()} for file in files]


WATCHED_CAMERA = """
window.asked = [];
window.streams = [];
window.permission = Promise.resolve();
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
    asked.push(wanted.video.facingMode);
    await permission;
    streams.push(await real(wanted));
    return streams.at(-1);
};
window.states = () => streams.map((stream) => stream.getVideoTracks()[0].readyState);
"""
"""Run before the page: notes which cameras it asks for and whether they run; `permission` may let it wait."""
