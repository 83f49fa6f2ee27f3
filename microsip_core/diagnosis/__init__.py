"""Diagnosis: shows the user what happened on the wire and in the media, as text for terminals and as pictures."""
