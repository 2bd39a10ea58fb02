"""Opening foreign images with care, and small pictures of them; no network sees these."""
