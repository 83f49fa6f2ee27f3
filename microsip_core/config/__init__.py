"""MicroSIP.ini: read and written without loss, as typed values; dial plans, number rules and masks."""
