"""SIEMs whose alerts are read and written back: a file for each, behind one port."""
