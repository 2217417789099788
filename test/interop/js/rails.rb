# frozen_string_literal: true

# A Rails session and its cookies behind a pipe: a line of JSON in, a line of JSON out. What answers are
# Rails' own middleware (ActionDispatch::Cookies and Session::CookieStore) and its own cookie jars.

require "active_support"
require "active_support/all"
require "active_support/messages/rotation_configuration"
require "action_controller"
require "action_dispatch"
require "json"
require "logger"

# Rails 7 derives keys with SHA-256. The generator of 6.1 knows SHA-1 only; this is that of 7.0.
class Sha256Generator
  def initialize(secret)
    @secret = secret
  end

  def generate_key(salt, size = 64)
    OpenSSL::PKCS5.pbkdf2_hmac(@secret, salt, 1000, size, OpenSSL::Digest.new("SHA256"))
  end
end

def generator(secret, digest)
  return Sha256Generator.new(secret) if digest == "sha256"

  ActiveSupport::KeyGenerator.new(secret, iterations: 1000)
end

def environment(question)
  rotations = ActiveSupport::Messages::RotationConfiguration.new
  Rack::MockRequest.env_for("https://example.com/", "HTTP_COOKIE" => question["cookie"].to_s).merge(
    "action_dispatch.key_generator" => generator(question["secret"], question["digest"]),
    "action_dispatch.secret_key_base" => question["secret"],
    "action_dispatch.authenticated_encrypted_cookie_salt" => "authenticated encrypted cookie",
    "action_dispatch.signed_cookie_salt" => "signed cookie",
    "action_dispatch.use_authenticated_cookie_encryption" => true,
    "action_dispatch.use_cookies_with_metadata" => question.fetch("metadata", true),
    "action_dispatch.cookies_serializer" => question.fetch("serializer", "json").to_sym,
    "action_dispatch.cookies_rotations" => rotations,
  )
end

# A request to an app: what it finds in its session, after it has put in what it was told to.
def visit(question)
  found = nil
  app = lambda do |env|
    session = ActionDispatch::Request.new(env).session
    question["set"] = JSON.parse(question["json"]) if question.key?("json")
    if question.key?("set")
      session.clear
      question["set"].each { |key, value| session[key] = value }
    end
    # Not `to_hash`, which leaves out what is nil.
    found = session.keys.zip(session.values).to_h
    [200, {}, []]
  end
  options = { key: question["name"], expire_after: question["expire_after"] }.compact
  stack = ActionDispatch::Cookies.new(ActionDispatch::Session::CookieStore.new(app, options))
  _, headers, = stack.call(environment(question))
  { session: found, shown: JSON.generate(found), cookie: headers["Set-Cookie"] }
end

def jar(question)
  request = ActionDispatch::Request.new(environment(question))
  [request.cookie_jar, request.cookie_jar.public_send(question["kind"])]
end

def write(question)
  all, kept = jar(question)
  kept[question["name"]] = { value: question["value"] }
  headers = {}
  all.write(headers)
  { cookie: headers["Set-Cookie"] }
end

def read(question)
  _, kept = jar(question)
  { value: kept[question["name"]] }
end

$stdout.sync = true
puts JSON.generate(rails: ActionPack.version.to_s)
$stdin.each_line do |line|
  question = JSON.parse(line)
  answer =
    case question["do"]
    when "visit" then visit(question)
    when "write" then write(question)
    when "read" then read(question)
    end
  puts JSON.generate(answer)
rescue StandardError => e
  puts JSON.generate(error: "#{e.class}: #{e.message}")
end
