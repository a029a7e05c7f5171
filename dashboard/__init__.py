"""The people's side: the Django project and its only models app. Reads AWS."""
