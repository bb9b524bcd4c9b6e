using System;
using System.IO;
using System.Net.Http;
using System.Runtime.Serialization.Formatters.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Xml;
using Microsoft.IdentityModel.Tokens;
using Newtonsoft.Json;

namespace Shop.Services;

public class TokenService
{
    private const string PasswordField = "password";

    public byte[] HashPassword(string password)
    {
        using var md5 = MD5.Create();
        return md5.ComputeHash(Encoding.UTF8.GetBytes(password));
    }

    public byte[] Fingerprint(byte[] body) => SHA256.HashData(body);

    public string ResetToken()
    {
        var random = new Random();
        return random.Next().ToString("x8");
    }

    public string ApiKey() => Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    public object ReadJob(Stream body) => new BinaryFormatter().Deserialize(body);

    public T? ReadMessage<T>(string json) =>
        JsonConvert.DeserializeObject<T>(json, new JsonSerializerSettings { TypeNameHandling = TypeNameHandling.All });

    public T? ReadEvent<T>(string json) =>
        JsonConvert.DeserializeObject<T>(json, new JsonSerializerSettings { TypeNameHandling = TypeNameHandling.None });

    public XmlReader OpenFeed(Stream body)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Parse, XmlResolver = new XmlUrlResolver() };
        return XmlReader.Create(body, settings);
    }

    public XmlReader OpenOrder(Stream body)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };
        return XmlReader.Create(body, settings);
    }

    public HttpClientHandler PartnerHandler() => new()
    {
        ServerCertificateCustomValidationCallback = (_, _, _, _) => true,
    };

    public TokenValidationParameters PartnerRules() => new()
    {
        ValidAudience = "shop",
        ValidIssuer = "https://login.example.com",
        RequireSignedTokens = false,
    };

    public TokenValidationParameters ShopRules(SecurityKey key) => new()
    {
        IssuerSigningKey = key,
        ValidateIssuerSigningKey = true,
        ValidAudience = "shop",
        ValidIssuer = "https://login.example.com",
    };

    public bool SameTag(byte[] a, byte[] b) => CryptographicOperations.FixedTimeEquals(a, b);
}
