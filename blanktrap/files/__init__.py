"""Floor 1: files, local and on S3: storage, listing, annotations, manifests, scores, reports."""
