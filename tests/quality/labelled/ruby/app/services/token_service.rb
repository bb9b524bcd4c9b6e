# frozen_string_literal: true

require "digest"
require "jwt"
require "net/http"
require "openssl"
require "securerandom"
require "yaml"

class TokenService
  PASSWORD_LABEL = "password"

  def hash_password(password)
    Digest::MD5.hexdigest(password)
  end

  def cache_key(body)
    Digest::SHA256.hexdigest(body)
  end

  def reset_token
    rand(36**12).to_s(36)
  end

  def api_key
    SecureRandom.hex(32)
  end

  def claims(token)
    JWT.decode(token, nil, false).first
  end

  def verified_claims(token, key)
    JWT.decode(token, key, true, algorithm: "RS256").first
  end

  def partner(uri)
    http = Net::HTTP.new(uri.host, uri.port)
    http.use_ssl = true
    http.verify_mode = OpenSSL::SSL::VERIFY_NONE
    http
  end

  def bank(uri)
    http = Net::HTTP.new(uri.host, uri.port)
    http.use_ssl = true
    http.verify_mode = OpenSSL::SSL::VERIFY_PEER
    http
  end

  def same_signature?(expected, given)
    OpenSSL.secure_compare(expected, given)
  end

  def evaluate(formula, amount)
    eval("#{formula} * #{amount}")
  end

  def deliver(message)
    message.deliver
  rescue Exception
    nil
  end

  def delete(path)
    File.delete(path)
  rescue Errno::ENOENT
    # Already gone, which is the state we want.
    nil
  end

  def share(path)
    File.chmod(0o777, path)
  end
end
