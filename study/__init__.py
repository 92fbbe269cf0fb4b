"""Rating studies: people, their votes, and what the votes say. A Django project and app in one."""
