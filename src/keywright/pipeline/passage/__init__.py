"""Calls that pass through without a translation: whatever body, streamed both ways.

    Passing → Freight → Admitted → Plan → Arrival → Entry

way        what a path that passes through is, and what the edge received
address    which paths and queries may go upstream
carry      the journey of one such call, on one screen
freight    how much of the body must be known before it goes on: the model's name in JSON or in a form
form       a multipart form, followed as it passes
places     which provider, which credential, which path there
admission  may this key do this
forward    one candidate asked, and its answer from its head on
headers    what of the client's and of the provider's headers the other one gets
relay      the answer's way to the client
taps       what the answer says was used, in bounded memory

What policy must know is read before anything goes up; all else goes byte for byte, as it comes. A body that is still
coming can be sent once: another attempt, or another candidate, is only made while none of it has been read. Nothing of
a request that may change something at the provider is sent twice either, unless the provider said that it took nothing.

Two things that a path like these could be misused for are ruled out here. A key that is restricted to certain models
may call only what names a model that it may use, in a place where the provider reads it too: files, batches and stored
responses name none, or name them where nobody looks, so such a key has no business there. And no credential crosses:
the client's goes no further than here, and what comes back is cleared of ours.
"""
