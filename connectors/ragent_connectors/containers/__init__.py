"""Containers: archives, mailboxes and mails, whose members are documents of their own."""
