resource "aws_s3_bucket" "assets" {
  bucket = "example-assets"
}

resource "aws_s3_bucket_acl" "assets" {
  bucket = aws_s3_bucket.assets.id
  acl    = "public-read-write"
}

resource "aws_s3_bucket_acl" "logs" {
  bucket = var.log_bucket
  acl    = "log-delivery-write"
}

resource "aws_s3_bucket_public_access_block" "assets" {
  bucket                  = aws_s3_bucket.assets.id
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = var.log_bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_db_instance" "main" {
  identifier              = "shop"
  engine                  = "postgres"
  instance_class          = "db.t4g.medium"
  allocated_storage       = 50
  username                = "shop"
  password                = "Maple-Station-1984"
  publicly_accessible     = true
  storage_encrypted       = false
  backup_retention_period = 14
}

resource "aws_db_instance" "replica" {
  identifier                  = "shop-replica"
  replicate_source_db         = aws_db_instance.main.identifier
  instance_class              = "db.t4g.medium"
  manage_master_user_password = true
  publicly_accessible         = false
  storage_encrypted           = true
}

resource "aws_ecr_repository" "shop" {
  name                 = "shop"
  image_tag_mutability = "MUTABLE"
}

resource "aws_ecr_repository" "base" {
  name                 = "base"
  image_tag_mutability = "IMMUTABLE"
}
