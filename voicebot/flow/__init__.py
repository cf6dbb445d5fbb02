"""
What is decided about a call beside its turns: menus, tools, transfers, silence.

`flow.Flow` wraps a `bridge.Bridge` and has its shape: events in, with their time;
orders out. Whatever the model, a key or a phrase asks for goes through one judge
(`policy`), which knows the names that an operator wrote and no phone number: a call
can go nowhere else, whoever is talked into what.

Why beside the bridge: turn-taking is hard enough alone, and is the same for every
persona. Why not in the model: it can be talked over, and it forgets.
"""
