"""Forms that wallets and nodes speak: BOLT 11, macaroons."""
