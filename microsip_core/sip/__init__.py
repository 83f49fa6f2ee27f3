"""SIP without input or output: messages, transactions, dialogs and sessions as pure functions of data and time."""
