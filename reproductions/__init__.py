"""One module or package per document; each follows its document and imports only `common` and `tuning`."""
