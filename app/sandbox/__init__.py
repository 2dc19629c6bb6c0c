"""The made-up partner: cases of nobody that anybody may try the API with."""
