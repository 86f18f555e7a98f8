"""Tocsin: autonomy in a SOC, earned by dated evidence."""
