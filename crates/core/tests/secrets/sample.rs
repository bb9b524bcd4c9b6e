//! The labelled set: realistic lines with a secret, and lines that only look like one. Values are generated at run
//! time, so that nothing in this repository looks like a token.

use holdfast_core::rule::secret_examples;

/// The added lines of one file, with the secret in them, if there is one.
#[derive(Debug)]
pub struct Sample {
    /// The file.
    pub path: String,
    /// Its lines.
    pub text: String,
    /// The secret, if there is one: redaction has to remove all of it.
    pub secret: Option<String>,
    /// `vendor`, `assigned`, `block` or `look-alike`.
    pub group: &'static str,
}

/// A generator of pseudo-random numbers, the same in every run.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap_or_default()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let members: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| members[self.next() as usize % members.len()])
            .collect()
    }

    /// Returns a secret of one of six common kinds: a generated password, letters and digits, hexadecimal digits, one
    /// with a word inside.
    fn secret(&mut self, kind: usize) -> String {
        const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        match kind % 6 {
            0 => format!(
                "{}{}{}",
                self.text(ALPHANUMERIC, 7),
                self.text("0123456789", 2),
                self.text(ALPHANUMERIC, 5)
            ),
            1 => self.text("0123456789abcdef", 32),
            2 => self.text(ALPHANUMERIC, 40),
            3 => format!(
                "{}{}!{}",
                self.text("ABCDEFGHJKLMNPQRSTUVWXYZ", 2),
                self.text("abcdefghijkmnopqrstuvwxyz", 5),
                self.text("0123456789", 4)
            ),
            4 => format!("{}test{}", self.text(ALPHANUMERIC, 12), self.text("0123456789", 4)),
            _ => format!("{}{}", self.text(ALPHANUMERIC, 24), self.text("0123456789", 3)),
        }
    }
}

/// Returns every sample with a secret, then every look-alike.
pub fn samples() -> Vec<Sample> {
    let mut random = Random::new(2_026);
    let mut samples = vendors(&mut random);
    samples.extend(assigned(&mut random));
    samples.extend(blocks(&mut random));
    samples.extend(look_alikes(&mut random));
    samples
}

/// Returns one token of every third row of the table, each in another context.
fn vendors(random: &mut Random) -> Vec<Sample> {
    const SURROUNDINGS: &[(&str, &str)] = &[
        ("src/client.rs", "let client = Client::new(\"{}\");"),
        (".env", "SERVICE_VALUE={}"),
        ("ci.yml", "        run: deploy --with {} --now"),
        ("notes.ipynb", "    \"client = Client(\\\"{}\\\")\\n\","),
        ("data.csv", "7,ann,{},2024-01-01"),
        ("drawing.svg", "<text x=\"1\" y=\"2\">{}</text>"),
        ("poetry.lock", "url = \"https://files.example.org/{}\""),
        ("app.po", "msgstr \"{}\""),
        (
            "app.js.map",
            "{\"version\":3,\"sourcesContent\":[\"const c=\\\"{}\\\"\\n\"]}",
        ),
        ("src/a.py", "requests.get(u, headers={'X-Value': '{}'})  # test example"),
    ];
    let examples = secret_examples(&mut || random.next());
    let rows = examples.into_iter().step_by(3).enumerate();
    rows.map(|(number, (_, line, token))| {
        let (path, surroundings) = SURROUNDINGS[number % SURROUNDINGS.len()];
        // A row whose token is recognised only together with a name keeps its line.
        let (path, text) = if line.starts_with("value:") {
            (path, surroundings.replace("{}", &token))
        } else {
            ("config.yml", line)
        };
        Sample {
            path: path.to_owned(),
            text,
            secret: Some(token),
            group: "vendor",
        }
    })
    .collect()
}

/// Values under a secret's name, and credentials at their usual place, in the syntax of common files.
const ASSIGNED: &[(&str, &str)] = &[
    (".env", "DB_PASSWORD={}"),
    (".env", "export API_TOKEN={}"),
    (".env.production", "JWT_SECRET='{}'"),
    ("deploy/.env", "SMTP_PASS=\"{}\" # rotate"),
    ("config.yml", "password: {}"),
    ("config/app.yaml", "  api_key: {}"),
    ("config/app.yaml", "  client_secret: \"{}\""),
    ("helm/values.yaml", "    adminPassword: {}"),
    ("docker-compose.yml", "      - POSTGRES_PASSWORD={}"),
    ("docker-compose.yml", "      MYSQL_ROOT_PASSWORD: {}"),
    (
        "k8s/deployment.yaml",
        "            - name: DB_PASSWORD\n              value: {}",
    ),
    ("k8s/secret.yaml", "stringData:\n  token: {}"),
    (
        "src/main/resources/application.properties",
        "spring.datasource.password={}",
    ),
    ("src/main/resources/application.properties", "mail.smtp.password = {}"),
    ("gradle.properties", "signing.secretKey={}"),
    ("setup.cfg", "password = {}"),
    ("app.ini", "secret_key = {}"),
    ("my.cnf", "password={}"),
    ("Dockerfile", "ENV API_TOKEN={}"),
    ("Dockerfile", "ENV DB_PASSWORD {}"),
    ("Dockerfile", "ARG NPM_TOKEN={}"),
    ("scripts/run.sh", "curl {-u} admin:{} https://api.internal/v1"),
    ("scripts/run.sh", "curl --user 'ann:{}' https://api.internal/v1"),
    (
        "scripts/run.sh",
        "curl -H \"Authorization: Bearer {}\" https://api.internal/v1",
    ),
    ("scripts/run.sh", "curl -H 'X-Api-Key: {}' https://api.internal/v1"),
    ("scripts/run.sh", "mysql --password={} -u root"),
    ("scripts/run.sh", "deploy --api-token {} --now"),
    ("scripts/run.sh", "docker login {-u} ann -p {} registry.internal"),
    ("scripts/run.sh", "sshpass -p '{}' ssh ann@db.internal"),
    ("scripts/run.sh", "PGPASSWORD={} psql -h db.internal"),
    ("scripts/run.ps1", "$password = \"{}\""),
    ("scripts/run.bat", "set API_TOKEN={}"),
    (".npmrc", "//registry.npmjs.org/:_authToken={}"),
    (".npmrc", "_password={}"),
    (".netrc", "machine api.internal login deploy password {}"),
    (".pypirc", "password = {}"),
    (".git-credentials", "https://deploy:{}@git.internal"),
    (
        "src/db.py",
        "engine = create_engine(\"postgresql://app:{}@db.internal:5432/app\")",
    ),
    ("src/db.go", "dsn := \"mongodb+srv://app:{}@cluster0.internal/app\""),
    ("src/queue.js", "const url = 'amqps://app:{}@mq.internal/vhost';"),
    ("src/cache.rb", "Redis.new(url: \"redis://:{}@cache.internal:6379\")"),
    (
        "appsettings.json",
        "\"Default\": \"Server=db.internal;User Id=app;Password={};Encrypt=true\"",
    ),
    ("web.config", "<add key=\"DbPassword\" value=\"{}\" />"),
    ("settings.xml", "<password>{}</password>"),
    ("pom.xml", "      <clientSecret>{}</clientSecret>"),
    ("terraform/main.tf", "  admin_password = \"{}\""),
    ("terraform/vars.tf", "variable \"db_password\" {\n  default = \"{}\"\n}"),
    ("terraform.tfvars", "api_token = \"{}\""),
    ("ansible/hosts.ini", "web1 ansible_host=10.0.0.1 ansible_ssh_pass={}"),
    ("ansible/vars.yml", "ansible_become_password: {}"),
    ("unit.service", "Environment=\"API_TOKEN={}\""),
    (".github/workflows/ci.yml", "          NPM_TOKEN: {}"),
    ("src/a.py", "password = \"{}\""),
    ("src/a.py", "client = Client(api_key='{}')"),
    ("src/a.py", "os.environ[\"API_TOKEN\"] = \"{}\""),
    ("src/a.py", "headers = {\"Authorization\": \"Bearer {}\"}"),
    ("src/a.py", "'password': '{}',"),
    ("src/a.js", "const apiKey = '{}';"),
    ("src/a.js", "  clientSecret: `{}`,"),
    ("src/a.js", "axios.defaults.headers['X-Api-Key'] = '{}';"),
    ("src/a.ts", "private readonly token: string = \"{}\";"),
    ("src/a.ts", "const AUTH_TOKEN: Readonly<string> = '{}';"),
    ("src/a.go", "Password: \"{}\","),
    ("src/a.go", "apiToken := \"{}\""),
    ("src/a.go", "const authToken string = \"{}\""),
    ("src/A.java", "private static final String API_KEY = \"{}\";"),
    ("src/A.java", "dataSource.setPassword(\"{}\");"),
    ("src/A.kt", "val secret = \"{}\""),
    ("src/A.cs", "var accessToken = @\"{}\";"),
    ("src/a.rs", "const API_TOKEN: &str = \"{}\";"),
    ("src/a.rs", "let secret = SecretString::from(\"{}\");"),
    ("src/a.rb", "password: \"{}\""),
    ("src/a.rb", ":secret_token => '{}'"),
    ("src/a.php", "$password = '{}';"),
    ("src/a.php", "define('DB_PASSWORD', '{}');"),
    ("src/a.php", "'api_key' => '{}',"),
    ("src/a.c", "#define API_TOKEN \"{}\""),
    ("src/a.swift", "let clientSecret = \"{}\""),
    ("src/a.lua", "local password = \"{}\""),
    ("src/a.ex", "config :app, secret_key: \"{}\""),
    ("src/a.sql", "ALTER USER app WITH PASSWORD '{}';"),
    ("notes.ipynb", "    \"api_key = \\\"{}\\\"\\n\","),
    ("fixtures.json", "{\"user\": \"ann\", \"password\": \"{}\"}"),
    ("logs.txt", "GET /v1/items?api_key={}&page=2"),
    ("README.md", "Run it with `API_TOKEN={}`."),
    ("src/a.py", "token = \"{}\"  # TODO test"),
    ("hidden.yml", "api_\u{200b}token: {}"),
    ("hidden.py", "pass\u{2060}word = \"{}\""),
];

fn assigned(random: &mut Random) -> Vec<Sample> {
    let forms = ASSIGNED.iter().enumerate();
    let made = forms.flat_map(|(number, (path, form))| [(number, path, form), (number + 1, path, form)]);
    made.map(|(kind, path, form)| {
        let secret = random.secret(kind);
        Sample {
            path: (*path).to_owned(),
            text: form.replace("{-u}", "-u").replace("{}", &secret),
            secret: Some(secret),
            group: "assigned",
        }
    })
    .collect()
}

/// Returns private keys, in the forms in which files contain them.
fn blocks(random: &mut Random) -> Vec<Sample> {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let dashes = "-".repeat(5);
    let mut samples = Vec::new();
    for kind in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let body = random.text(BASE64, 64);
        let (begin, end) = (
            format!("{dashes}BEGIN {kind}{dashes}"),
            format!("{dashes}END {kind}{dashes}"),
        );
        for (path, text) in [
            ("key.pem", format!("{begin}\n{body}\n{body}\n{end}")),
            ("key.yml", format!("key: |\n    {begin}\n    {body}\n    {end}")),
            ("key.sh", format!("# {begin}\n# {body}\n# {end}")),
            ("sa.json", format!("\"private_key\": \"{begin}\\n{body}\\n{end}\\n\",")),
            (
                "A.java",
                format!("String k = \"{begin}\\n\" +\n    \"{body}\\n\" +\n    \"{end}\";"),
            ),
        ] {
            let path = path.to_owned();
            samples.push(Sample {
                path,
                text,
                secret: Some(body.clone()),
                group: "block",
            });
        }
    }
    samples
}

/// Lines that only look like secrets. `{hex}` is 40 digits of hex, `{b64}` 64 characters of base64, `{uuid}` a UUID.
const LOOK_ALIKES: &[(&str, &str)] = &[
    ("src/a.py", "password = os.environ[\"DB_PASSWORD\"]"),
    ("src/a.py", "password = getpass.getpass(\"Password: \")"),
    ("src/a.py", "token = get_token(user_id=12345678)"),
    ("src/a.py", "token_url = \"https://auth.internal/oauth2/v2/token\""),
    ("src/a.py", "secret_name = \"prod/app/database-credentials-2\""),
    ("src/a.py", "secret = client.get_secret(\"name-of-the-secret-9\")"),
    ("src/a.py", "if line.startswith('-----BEGIN'):"),
    ("src/a.py", "if text.startswith(\"-----BEGIN RSA PRIVATE KEY-----\"):"),
    ("src/a.py", "PASSWORD_RESET_TOKEN_LENGTH = 32"),
    (
        "src/a.py",
        "password = forms.CharField(label=\"New password 2\", widget=PasswordInput)",
    ),
    (
        "src/a.py",
        "tokenizer = AutoTokenizer.from_pretrained(\"bert-base-uncased\")",
    ),
    ("src/a.py", "auth_header = \"X-Auth-Token-V2\""),
    ("src/a.py", "api_key: str = Field(..., env=\"SERVICE_API_KEY_V2\")"),
    ("src/a.py", "password_hash = hash_password(password1, salt2)"),
    ("src/a.py", "assert token2 == expected_token2"),
    ("src/a.py", "client = Client(api_key=config.api_key2)"),
    (
        "src/a.py",
        "parser.add_argument(\"--token\", help=\"personal access token v2\")",
    ),
    (
        "src/a.py",
        "raise ValueError(\"token: expected 32 characters, got 31\")",
    ),
    ("src/a.js", "const token = req.headers['x-access-token'];"),
    ("src/a.js", "const password = process.env.DB_PASSWORD_2;"),
    ("src/a.js", "const API_KEY_HEADER = 'X-Api-Key-V1';"),
    ("src/a.js", "passwordField: 'user_password_2',"),
    ("src/a.js", "token: localStorage.getItem('access_token_v2'),"),
    ("src/a.js", "const secretKey = generateSecretKey(32);"),
    ("src/a.js", "resetPasswordToken: { type: String, index: true },"),
    ("src/a.js", "t('auth.password.too_short_8')"),
    ("src/a.js", "password: yup.string().min(8).matches(/[A-Z0-9]{8,}/),"),
    ("src/a.js", "const keyCode = event.keyCode === 13;"),
    ("src/a.js", "nextPageToken: response.data.nextPageToken2,"),
    ("src/a.js", "csrfToken: '{uuid}',"),
    ("src/a.ts", "token?: string | undefined;"),
    ("src/a.ts", "type Token = { kind: TokenKind2; value: string };"),
    ("src/a.ts", "password: new FormControl('', [Validators.minLength(12)]),"),
    ("src/a.ts", "const TOKEN_STORAGE_KEY = 'app.auth.token.v2';"),
    (
        "src/a.ts",
        "export const PASSWORD_PATTERN = '^(?=.*[A-Z])(?=.*[0-9]).{8,64}$';",
    ),
    ("src/a.go", "token := r.Header.Get(\"X-Vault-Token\")"),
    ("src/a.go", "Password string `json:\"password2\"`"),
    ("src/a.go", "secretRef := corev1.SecretReference{Name: name2}"),
    ("src/a.go", "tok, err := lexer.NextToken2()"),
    ("src/a.go", "key := fmt.Sprintf(\"token:%s:%d\", user, id2)"),
    ("src/A.java", "private String password1;"),
    ("src/A.java", "String token = request.getParameter(\"token2\");"),
    ("src/A.java", "@Value(\"${app.jwt.secret}\") private String jwtSecret1;"),
    ("src/A.java", "private static final String TOKEN_PREFIX = \"Bearer \";"),
    (
        "src/A.java",
        "public static final String SECRET_KEY_SPEC = \"PBKDF2WithHmacSHA256\";",
    ),
    ("src/A.java", "passwordEncoder.encode(user.getPassword2());"),
    ("src/a.rs", "let token = std::env::var(\"GITHUB_TOKEN2\")?;"),
    ("src/a.rs", "let password: Option<&str> = args.password1.as_deref();"),
    ("src/a.rs", "Token::Ident(name2) => self.parse_ident(name2),"),
    (
        "src/a.rs",
        "pub const TPM_E_KEY_NOT_SIGNING_KEY: HRESULT = 0x8029041A_u32 as _;",
    ),
    (
        "src/a.rs",
        "pub const CMSG_OID_EXPORT_ENCRYPT_KEY_NAME2: PCSTR = s!(\"CryptMsgDllExportEncryptKey\");",
    ),
    ("src/a.rs", "const AKIA_LIKE: &str = \"AKIA\";"),
    ("src/a.rs", "secret: SecretString::new(config.secret2),"),
    ("src/a.rb", "has_secure_password validations: false"),
    (
        "src/a.rb",
        "params.require(:user).permit(:password, :password_confirmation)",
    ),
    ("src/a.rb", "token = SecureRandom.hex(16)"),
    ("src/a.php", "$password = $_POST['password1'];"),
    ("src/a.php", "'password' => Hash::make($request->password1),"),
    ("src/a.php", "'secret' => env('AWS_SECRET_ACCESS_KEY_2'),"),
    ("src/a.c", "if (strcmp(token1, \"endif2\") == 0) return TOKEN_ENDIF;"),
    ("src/a.css", ".password-input-2 { content: \"key-icon-24\"; }"),
    (
        "src/a.html",
        "<input type=\"password\" name=\"password2\" placeholder=\"New password 2\">",
    ),
    ("src/a.html", "<label for=\"token-input-1\">Access token v2</label>"),
    ("src/a.sql", "password VARCHAR(255) NOT NULL DEFAULT 'none12345'"),
    ("src/a.sql", "CREATE INDEX idx_token_2 ON tokens (token_hash_2);"),
    ("config.yml", "password: ${DB_PASSWORD}"),
    ("config.yml", "password: {{ .Values.dbPassword2 }}"),
    ("config.yml", "password: changeme"),
    ("config.yml", "password: your-password-here-1"),
    ("config.yml", "token: <your-token-1>"),
    ("config.yml", "api_key: xxxxxxxxxxxxxxxxxxxx"),
    ("config.yml", "api_key: \"********************\""),
    ("config.yml", "secret: my-app-secret-v2"),
    ("config.yml", "secretName: my-tls-cert-2024"),
    ("config.yml", "token_url: https://login.internal/oauth2/token"),
    (
        "config.yml",
        "secret_arn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
    ),
    ("config.yml", "key: arn:aws:kms:eu-west-1:123456789012:key/{uuid}"),
    ("config.yml", "token: !vault |"),
    ("config.yml", "password: vault:secret/data/app#password1"),
    ("config.yml", "password: op://vault/item1/password"),
    ("config.yml", "password: ENC(kJh23+sdf/9Qw==)"),
    ("config.yml", "tokens: 4096"),
    ("config.yml", "max_tokens: 128000"),
    ("config.yml", "token_expiry: 2024-12-31T23:59:59Z"),
    ("config.yml", "passwordPolicy: min12upper1digit1"),
    ("config.yml", "password_file: /run/secrets/db_password_1"),
    ("config.yml", "key: value1"),
    ("config.yml", "cache_key: v1-deps-{{ checksum \"package-lock.json\" }}"),
    ("config.yml", "secret_key_ref: database-credentials2"),
    ("config.yml", "image: registry.internal/app@sha256:{sha}"),
    ("config.yml", "commit: {hex}"),
    ("config.yml", "client_id: {uuid}"),
    ("config.yml", "tenant_id: {uuid}"),
    ("config.yml", "api_key_id: {uuid}"),
    ("config.yml", "public_key: {b64}"),
    ("config.yml", "checksum: sha256:{sha}"),
    (
        ".github/workflows/ci.yml",
        "          token: ${{ secrets.GITHUB_TOKEN }}",
    ),
    (
        ".github/workflows/ci.yml",
        "          password: ${{ secrets.DOCKER_PASSWORD_2 }}",
    ),
    (".github/workflows/ci.yml", "      - uses: actions/checkout@{hex}"),
    (
        ".github/workflows/ci.yml",
        "          key: ${{ runner.os }}-node-${{ hashFiles('package-lock.json') }}",
    ),
    (".env.example", "DB_PASSWORD=changeme123"),
    (".env.example", "API_KEY=your_api_key_here"),
    (".env.example", "SECRET_KEY=replace-me-with-a-long-random-string"),
    (".env", "DB_PASSWORD=$DB_PASSWORD_FROM_VAULT"),
    (".env", "TOKEN_TTL=3600"),
    (".env", "AUTH_URL=https://auth.internal:8443/realms/app2"),
    (".env", "KEYCLOAK_CLIENT_ID=my-frontend-app-2"),
    (
        ".env",
        "SECRET_BACKEND=airflow.providers.hashicorp.secrets.vault.VaultBackend",
    ),
    (".env", "PASSWORD_HASHER=argon2id"),
    (".env", "PUBLIC_KEY_PATH=/etc/app/keys/public2.pem"),
    ("Dockerfile", "ARG NPM_TOKEN"),
    ("Dockerfile", "ENV TOKEN_FILE=/run/secrets/token2"),
    ("Dockerfile", "RUN --mount=type=secret,id=npm_token2 npm ci"),
    ("Dockerfile", "FROM node:20-alpine@sha256:{sha}"),
    ("scripts/run.sh", "TOKEN=$(vault read -field=token secret/app2)"),
    (
        "scripts/run.sh",
        "curl -H \"Authorization: Bearer $TOKEN2\" https://api.internal",
    ),
    ("scripts/run.sh", "curl -u \"$USER:$PASSWORD\" https://api.internal"),
    ("scripts/run.sh", "curl {-u} user:password https://api.example.com"),
    ("scripts/run.sh", "read -s -p \"Password 2: \" password"),
    (
        "scripts/run.sh",
        "export AWS_SECRET_ACCESS_KEY=\"${AWS_SECRET_ACCESS_KEY_2:?}\"",
    ),
    (
        "scripts/run.sh",
        "docker login -u ann --password-stdin registry.internal",
    ),
    ("scripts/run.sh", "pass show prod/database-2"),
    ("scripts/run.sh", "mysql -p\"$DB_PASSWORD_2\" -h db.internal app"),
    (
        "scripts/run.sh",
        "mkdir -p build/output-2 && mysqldump -h db.internal app2 > out2.sql",
    ),
    ("k8s/tls.yaml", "  tls.crt: {b64-begin}{b64}{b64}"),
    ("terraform/main.tf", "  password = var.db_password2"),
    ("terraform/main.tf", "  secret_id = aws_secretsmanager_secret.db2.id"),
    (
        "terraform/main.tf",
        "  token = data.vault_generic_secret.app2.data[\"token\"]",
    ),
    ("terraform/main.tf", "  password = random_password.db2.result"),
    (
        "terraform/main.tf",
        "  role_arn = \"arn:aws:iam::123456789012:role/token-rotator-2\"",
    ),
    ("terraform/main.tf", "  kms_key_id = \"{uuid}\""),
    (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}"),
    (".npmrc", "always-auth=true"),
    ("package-lock.json", "\"integrity\": \"sha512-{b64}==\","),
    (
        "package-lock.json",
        "\"resolved\": \"https://registry.npmjs.org/js-tokens/-/js-tokens-4.0.0.tgz\",",
    ),
    (
        "yarn.lock",
        "resolved \"https://registry.yarnpkg.com/token-types/-/token-types-4.2.1.tgz#{hex}\"",
    ),
    ("Cargo.lock", "checksum = \"{sha}\""),
    ("go.sum", "github.com/acme/token v1.2.3 h1:{b43}="),
    (
        "poetry.lock",
        "{file = \"keyring-24.3.1-py3-none-any.whl\", hash = \"sha256:{sha}\"},",
    ),
    ("pnpm-lock.yaml", "resolution: {integrity: sha512-{b64}==}"),
    (
        "src/db.py",
        "url = \"postgresql://postgres:postgres@localhost:5432/test\"",
    ),
    ("src/db.py", "url = \"postgresql://user:password@localhost/db\""),
    ("src/db.py", "url = f\"postgresql://{user}:{password2}@{host}/db\""),
    ("src/db.py", "url = \"postgresql://app:${DB_PASSWORD}@db.internal/app\""),
    ("src/db.py", "url = \"redis://localhost:6379/0\""),
    ("src/db.py", "url = \"https://example.com:8080/path@v1.2.3\""),
    ("src/db.js", "const uri = 'mongodb://root:example@mongo:27017';"),
    ("src/db.js", "const url = 'amqp://guest:guest@rabbitmq:5672';"),
    (
        "README.md",
        "Set `GITHUB_TOKEN` to a personal access token (classic, v1).",
    ),
    ("README.md", "export API_KEY=<your-api-key>"),
    ("README.md", "https://user:pass@example.com/"),
    ("README.md", "Passwords must have 12 characters and 1 digit."),
    ("README.md", "| `token` | the access token2 | none |"),
    ("README.md", "Authorization: Bearer <access_token_1>"),
    ("README.md", "Authorization: Bearer YOUR_ACCESS_TOKEN_1"),
    ("README.md", "See https://docs.internal/tokens#refresh-token-rotation-2"),
    (
        "docs/a.md",
        "the primary key `user_id2` and the foreign key `order_id2`",
    ),
    ("docs/a.md", "git clone https://oauth2:$TOKEN@gitlab.internal/a/b.git"),
    (
        "i18n/en.json",
        "\"password.reset\": \"Reset your password in 24 hours\",",
    ),
    ("i18n/en.json", "\"tokenExpired\": \"Your token expired 2 days ago\","),
    ("i18n/de.po", "msgid \"Enter the 6-digit token\""),
    ("src/keys.ts", "key: 'ArrowDown', keyCode: 40,"),
    ("src/lexer.ts", "const tokens = ['ident', 'number2', 'string2'];"),
    ("src/theme.ts", "designToken: 'color-primary-500',"),
    ("src/a.py", "sentinel = \"pass\" if ok2 else \"fail\""),
    ("src/a.py", "compass_heading = \"NNE-225-degrees\""),
    ("src/a.py", "passenger_id = \"{uuid}\""),
    ("src/a.py", "request_id = \"{uuid}\""),
    ("src/a.py", "etag = \"{hex}\""),
    ("src/a.py", "sha256 = \"{sha}\""),
    ("src/a.py", "DIGEST = b\"{hex}\""),
    ("src/a.py", "COLOR_TOKEN = \"#1f2937\""),
    ("src/a.py", "token_type = \"urn:ietf:params:oauth:token-type:jwt\""),
    (
        "src/a.py",
        "grant = \"urn:ietf:params:oauth:grant-type:token-exchange\"",
    ),
    ("src/a.py", "password_regex = r\"^[A-Za-z0-9]{8,64}$\""),
    ("src/a.py", "cookie_name = \"session_token_v2\""),
    ("src/a.py", "keyring_service = \"com.acme.app2\""),
    ("src/a.py", "self.token2 = token2"),
    ("src/a.py", "logger.info(\"token=%s user=%s\", mask(token2), user2)"),
    ("src/a.py", "api_key = settings.API_KEY_2"),
    ("src/a.py", "auth = (\"user1\", \"password1\")"),
    ("src/a.py", "secret_version = \"projects/123/secrets/app/versions/7\""),
    (
        "src/a.py",
        "authorization_endpoint = \"https://login.internal/oauth2/v2.0/authorize\"",
    ),
    ("src/a.py", "credential_path = \"~/.config/app2/credentials.json\""),
    ("src/a.py", "DUMMY_TOKEN = \"dummy-token-1234567890\""),
    ("src/a.py", "TEST_PASSWORD = \"test1234\""),
    ("src/a.py", "FAKE_API_KEY = \"fake_api_key_abcdef123456\""),
    (
        "src/a.py",
        "PLACEHOLDER_SECRET = \"00000000-0000-0000-0000-000000000000\"",
    ),
    (
        "cert.pem",
        "{begin}CERTIFICATE{dashes}\n{b64}\n{b64}\n{end}CERTIFICATE{dashes}",
    ),
    ("key.pub", "{begin}PUBLIC KEY{dashes}\n{b64}\n{end}PUBLIC KEY{dashes}"),
    ("id.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{b43} ann@laptop"),
    ("known_hosts", "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{b43}"),
    (
        "helpers.c",
        "static PyObject *__pyx_pw_4demo_7helpers_5reify_7__doc___1__get__(PyObject *__pyx_v_self);",
    ),
    (
        "helpers.c",
        "{\"run\", (PyCFunction)__pyx_pw_4demo_3run, METH_NOARGS, 0}, __pyx_pw_4demo_7helpers_1run = 0;",
    ),
    (
        "helpers.c",
        "__Pyx_pw = __pyx_pw_4demo_7helpers_5HttpVersion11_3__init__;",
    ),
    ("objects.h", "#define OBJ_userPassword  OBJ_X509,35L"),
    ("objects.h", "#define NID_userPassword  NID_pilot9Attribute4"),
    (
        "labels.h",
        "#define TLS_MD_MASTER_SECRET_CONST \"\\x6d\\x61\\x73\\x74\\x65\\x72\\x20\\x73\\x65\\x63\\x72\\x65\\x74\"",
    ),
    ("lib.c", "if (sig != TLSEXT_SIGALG_ecdsa_secp256r1_sha256)"),
    ("lib.c", "    && token == TOKEN_kind2_Rsa4096_pss1)"),
    ("a.svg", "<path d=\"M10 10 L20 20 C{num} {num} {num} {num} Z\"/>"),
    ("a.svg", "<image href=\"data:image/png;base64,{b64}\"/>"),
    ("data.csv", "id,token_count,pass_rate\n1,2048,0.93"),
    ("data.csv", "{uuid},{hex},2024-01-01"),
    ("notes.ipynb", "\"execution_count\": 7, \"id\": \"{hex8}\","),
    (
        "app.js.map",
        "{\"version\":3,\"mappings\":\"AAAA,SAASA,KAAKC,GAAG,CAACC,IAAI\",\"names\":[\"token\",\"password1\"]}",
    ),
    ("examples.txt", "{aws-id}"),
    ("examples.txt", "aws_secret_access_key = {aws-secret}"),
    ("examples.txt", "{jwt-io}"),
    ("examples.txt", "{prefix-github}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("examples.txt", "{prefix-slack}your-token-goes-here-please"),
    ("examples.txt", "{prefix-anthropic}api03-your-key-goes-here-please"),
    ("examples.txt", "{prefix-gitlab}xxxxxxxxxxxxxxxxxxxx"),
    ("examples.txt", "Authorization: Basic {rfc-basic}"),
    (
        "examples.txt",
        "[[SECRET_1:github-token]] and [[SECRET_2:assigned-secret]]",
    ),
];

fn look_alikes(random: &mut Random) -> Vec<Sample> {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const HEX: &str = "0123456789abcdef";
    let dashes = "-".repeat(5);
    let fixed = [
        ("{aws-id}", ["AKIA", "IOSFODNN7", "EXAMPLE"].concat()),
        (
            "{aws-secret}",
            ["wJalrXUtnFEMI/K7MDENG", "/bPxRfiCY", "EXAMPLEKEY"].concat(),
        ),
        ("{rfc-basic}", ["QWxhZGRpbjpvcGVu", "IHNlc2FtZQ=="].concat()),
        (
            "{jwt-io}",
            [
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
                "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.",
                "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
            ]
            .concat(),
        ),
        ("{prefix-github}", ["gh", "p_"].concat()),
        ("{prefix-slack}", ["xo", "xb-"].concat()),
        ("{prefix-anthropic}", ["sk-", "ant-"].concat()),
        ("{prefix-gitlab}", ["gl", "pat-"].concat()),
        ("{begin}", format!("{dashes}BEGIN ")),
        ("{end}", format!("{dashes}END ")),
        ("{dashes}", dashes.clone()),
        ("{-u}", "-u".to_owned()),
        ("{b64-begin}", ["LS0tLS1CRUdJTiBD", "RVJUSUZJQ0FURS0tLS0t"].concat()),
    ];
    let forms = LOOK_ALIKES.iter();
    let made = forms.map(|(path, form)| {
        let mut text = (*form).to_owned();
        for (mark, value) in &fixed {
            text = text.replace(mark, value);
        }
        let uuid = [8, 4, 4, 4, 12].map(|length| random.text(HEX, length)).join("-");
        for (mark, value) in [
            ("{hex}", random.text(HEX, 40)),
            ("{hex8}", random.text(HEX, 8)),
            ("{sha}", random.text(HEX, 64)),
            ("{b64}", random.text(BASE64, 64)),
            ("{b43}", random.text(BASE64, 43)),
            ("{num}", random.text("0123456789", 4)),
            ("{uuid}", uuid),
        ] {
            text = text.replace(mark, &value);
        }
        Sample {
            path: (*path).to_owned(),
            text,
            secret: None,
            group: "look-alike",
        }
    });
    made.collect()
}
