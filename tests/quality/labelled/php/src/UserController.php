<?php

declare(strict_types=1);

namespace App;

use mysqli;
use PDO;

final class UserController
{
    private const COLUMNS = 'id, email';
    private const PAGES = ['home' => 'home.php', 'help' => 'help.php'];

    public function __construct(private mysqli $db, private PDO $pdo)
    {
    }

    public function search(): array
    {
        $sql = "SELECT id FROM users WHERE name = '" . $_GET['name'] . "'";
        return $this->db->query($sql)->fetch_all();
    }

    public function find(int $id): array|false
    {
        $stmt = $this->pdo->prepare('SELECT ' . self::COLUMNS . ' FROM users WHERE id = :id');
        $stmt->execute(['id' => $id]);
        return $stmt->fetch(PDO::FETCH_ASSOC);
    }

    public function greet(): void
    {
        echo '<h1>Hello ' . $_GET['name'] . '</h1>';
    }

    public function welcome(): void
    {
        echo '<h1>Hello ' . htmlspecialchars($_GET['name'] ?? '', ENT_QUOTES) . '</h1>';
    }

    public function page(): void
    {
        include 'pages/' . $_GET['page'] . '.php';
    }

    public function knownPage(): void
    {
        include __DIR__ . '/pages/' . (self::PAGES[$_GET['page'] ?? ''] ?? 'home.php');
    }

    public function restore(): mixed
    {
        return unserialize(base64_decode($_COOKIE['cart']));
    }

    public function restoreItems(): mixed
    {
        return json_decode($_COOKIE['cart'] ?? '[]', true, 8, JSON_THROW_ON_ERROR);
    }

    public function diskUsage(): ?string
    {
        return shell_exec('du -sh /home/' . $_POST['login']);
    }

    public function count(): ?string
    {
        return shell_exec('wc -l ' . escapeshellarg('/srv/users.csv'));
    }

    public function import(): void
    {
        extract($_POST);
        $this->db->begin_transaction();
    }
}
