<?php

namespace App;

use DOMDocument;
use Exception;
use JsonException;
use Psr\Log\LoggerInterface;

class Importer
{
    private LoggerInterface $log;

    public function __construct(LoggerInterface $log)
    {
        $this->log = $log;
    }

    public function feed(string $xml): DOMDocument
    {
        $doc = new DOMDocument();
        $doc->loadXML($xml, LIBXML_NOENT | LIBXML_DTDLOAD);
        return $doc;
    }

    public function order(string $xml): DOMDocument
    {
        $doc = new DOMDocument();
        $doc->loadXML($xml, LIBXML_NONET);
        return $doc;
    }

    public function rule(string $code, array $row)
    {
        return eval('return ' . $code . ';');
    }

    public function note(): void
    {
        $this->log->info('eval() and system() are disabled on this host');
    }

    public function publish(string $path): void
    {
        chmod($path, 0777);
    }

    public function protect(string $path): void
    {
        chmod($path, 0640);
    }

    public function save(callable $write): void
    {
        try {
            $write();
        } catch (Exception $e) {
        }
    }

    public function options(string $json): array
    {
        try {
            return json_decode($json, true, 16, JSON_THROW_ON_ERROR);
        } catch (JsonException $e) {
            $this->log->notice('bad options', ['exception' => $e]);
            return [];
        }
    }
}
