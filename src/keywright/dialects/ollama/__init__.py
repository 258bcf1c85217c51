"""What the two endpoints of Ollama's own API share. The dialects are `ollama_chat` (`/api/chat`) and `ollama_generate`
(`/api/generate`); they differ in where the prompt stands and in where an answer's text stands (`shape`).

family    their names, and whose extras are whose
target    what an encoder carries through its work
request_in, request_out   every field but the prompt: options, think, format, keep_alive
tools, images, logprobs, moment, finish, usage   the small things, both ways
shape, reading   lines to events
pieces, response, stream_out   events to lines, and whole answers
error   errors, both ways
place   what a client calls the fields of a request
verbatim, tap   the lane without translation

Images of what the wire has no word for, and that are no losses:
- `done_reason` is `stop` also when tools are called; it is read as such by the calls that came;
- calls have no ids in older versions: they are made from the answer's time and the call's place, and a result that
  names only its tool answers the first call of it that is not answered yet;
- a picture has no media type: it is read from its first bytes;
- a request for no prompt (it loads or unloads the model) has no turns; no other dialect can say it (`LOAD`).
Durations are Ollama's own measurements: they are kept as extras of the choice, and left out, as the specification
allows, of answers from elsewhere, for nobody measured them.
"""
