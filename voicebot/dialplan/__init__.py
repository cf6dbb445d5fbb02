"""
What an operator writes: which number is answered by whom, and what the bot says.

`load.load(folder)` reads `dialplan.yaml` and `personas/*.yaml` into the frozen
models of `model`, or raises one DialplanError with every mistake of every file,
each with file:line:column. `routing.choose` decides what a call gets;
`prompt.compile_instructions` writes what the model is told.

Why two kinds of file: who talks (a persona) is written by other people, and
changes for other reasons, than which number rings where (the dialplan). Why YAML
by hand and not `safe_load`: see `source`.
"""
