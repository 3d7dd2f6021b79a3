"""Notifications: deliver what others ask for; who is told what, and when, is the asker's business."""
