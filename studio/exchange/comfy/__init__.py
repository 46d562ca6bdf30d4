"""ComfyUI's workflows: read into a graph (`api_json`, `litegraph`), walked from the sampler upstream with one reader for
each kind of node (`nodes`), and written for three sets of nodes (`targets`). Facts of formats and nodes only; no code
of ComfyUI or of its extensions is here, and nothing in a file is ever used as a path or run."""
