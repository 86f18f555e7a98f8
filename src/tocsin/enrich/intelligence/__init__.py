"""Intelligence that others publish: STIX 2.1 objects, MISP warning lists, KEV, and their feeds.

Everything here is a function of bytes: `app` fetches and keeps, `detect.indicators` looks.
"""
