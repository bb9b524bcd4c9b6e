# frozen_string_literal: true

require "open3"
require "yaml"

class DocumentsController < ApplicationController
  ROOT = Rails.root.join("storage", "documents")
  FORMATS = { "csv" => CsvExport, "pdf" => PdfExport }.freeze

  skip_forgery_protection

  def index
    @documents = Document.where("title LIKE '%#{params[:q]}%'")
  end

  def recent
    @documents = Document.where("title LIKE ?", "%#{params[:q]}%").limit(20)
  end

  def owned
    @documents = Document.where(owner_id: current_user.id, state: params[:state])
  end

  def convert
    system("pandoc #{params[:file]} -o /tmp/out.pdf")
    head :accepted
  end

  def checksum
    out, = Open3.capture2("sha256sum", "--", ROOT.join("manifest.json").to_s)
    render plain: out
  end

  def restore
    @draft = Marshal.load(Base64.decode64(params[:draft]))
  end

  def settings
    @settings = YAML.safe_load(params[:settings], permitted_classes: [Symbol])
  end

  def download
    send_file(File.join(ROOT, params[:name]))
  end

  def terms
    send_file(ROOT.join("terms.pdf"))
  end

  def export
    exporter = params[:exporter].constantize.new
    render plain: exporter.call(current_user)
  end

  def export_format
    exporter = FORMATS.fetch(params[:format_name]).new
    render plain: exporter.call(current_user)
  end

  def leave
    redirect_to params[:return_to], allow_other_host: true
  end

  def create
    document = Document.create!(params.require(:document).permit!)
    redirect_to document_path(document)
  end
end
