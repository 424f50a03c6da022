### Frases para pessoas, em português do Brasil. Os mesmos ids e valores em todos os idiomas.
### Os valores "who" são listas de endereços; "who-count" diz quantos são.

## Por que uma mensagem não é acompanhada

follow-engagement-off = O acompanhamento de emails está desativado na sua organização. Um administrador pode ativá-lo nas configurações.
follow-no-followable-recipient = Para acompanhar esta mensagem, inclua pelo menos uma conta, um contato ou um cliente potencial em Para ou Cc.
follow-other-record-types = { $who-count ->
    [one] { $who } não é conta, contato nem cliente potencial. Remova esse destinatário para acompanhar a mensagem.
   *[other] { $who } não são contas, contatos nem clientes potenciais. Remova esses destinatários para acompanhar a mensagem.
}
follow-no-record = { $who-count ->
    [one] Não temos nenhum registro para { $who }. Escolha ou crie um para acompanhar a mensagem.
   *[other] Não temos registros para { $who }. Escolha ou crie os registros para acompanhar a mensagem.
}
follow-recipient-opted-out = { $who-count ->
    [one] { $who } está com a opção “não acompanhar”.
   *[other] { $who } estão com a opção “não acompanhar”.
}
follow-seller-chose-not = Você escolheu não acompanhar esta mensagem.
follow-text-only = Só é possível acompanhar mensagens formatadas (HTML), e esta é de texto simples.
follow-bulk = Mensagens para mais de { $limit } destinatários não são acompanhadas. Envie para menos pessoas de cada vez.

## O que os destinatários podem ver

altered-link-title = Este link foi alterado no caminho
altered-link-text = Seu programa de email ou um filtro de segurança alterou o link, e não temos como saber para onde ele leva. Por isso, não encaminhamos você a lugar nenhum.
altered-link-go = Ir para o endereço que o remetente escreveu: { $address }
altered-link-unknown = Abra o link a partir da mensagem original ou peça o endereço ao remetente.
withdrawn-link-title = Este link não funciona mais
withdrawn-link-text = O serviço do remetente o retirou. Peça um novo link ao remetente.

## O que aconteceu com uma mensagem

event-open = Aberta
event-click = Clique em link
event-attachment-view = Anexo visto
event-reply = Respondida
event-image = Imagem carregada
event-auto-reply = Resposta automática
event-bounce = Não foi entregue
event-withdrawn = Anexo retirado
event-data-removed = Dados pessoais removidos
event-inferred = Aberta, como mostra um clique ou uma resposta posterior

## Quem causou um evento e como sabemos

by-person = Uma pessoa
by-machine = Automático
verdict-head-request = Um programa verificou o endereço sem carregá-lo.
verdict-prefetch = Foi carregado com antecedência, antes que alguém pedisse.
verdict-no-agent = O programa não disse qual é. Navegadores e programas de email dizem.
verdict-program = Quem buscou foi um programa, não um navegador nem um programa de email.
verdict-headless = Foi carregado em um navegador que funciona sem tela.
verdict-crawler = Um buscador, um monitor ou outro robô acessou.
verdict-link-preview = Um aplicativo de conversa ou rede social acessou para mostrar uma prévia do link.
verdict-security-scanner = Um verificador de segurança analisou.
verdict-gmail-prefetch = O Gmail carregou com antecedência, antes de a mensagem ser aberta.
verdict-apple-privacy = A Proteção de Privacidade do Mail da Apple carregou. Não há como saber se a mensagem foi aberta.
verdict-before-delivery = Aconteceu antes da entrega da mensagem; portanto, foi um verificador.
verdict-seconds-after-delivery = Aconteceu poucos segundos depois da entrega.
verdict-partial-request = Só uma parte foi pedida, como fazem os verificadores.
verdict-image-proxy = O serviço de email carregou as imagens para quem estava lendo; por isso não se sabe o dispositivo nem o lugar.

## Em que situação está uma mensagem

status-draft = Rascunho
status-accepted = Aceita
status-scheduled = Agendada
status-sending = Sendo enviada
status-sent = Enviada
status-partly-sent = Enviada em parte
status-failed = Não enviada
status-cancelled = Cancelada

## Por que uma mensagem não foi enviada

failure-mailbox-unknown = A caixa de correio { $address } não existe. Confira o endereço do remetente.
failure-mailbox-out-of-scope = A caixa de correio { $address } não está no escopo do aplicativo. Peça ao administrador que a inclua.
failure-recipient-refused = { $who-count ->
    [one] O servidor de email recusou o destinatário { $who }. Confira o endereço e envie de novo.
   *[other] O servidor de email recusou os destinatários { $who }. Confira os endereços e envie de novo.
}
failure-message-too-large = A mensagem é grande demais para o servidor de email. Remova ou reduza anexos e imagens e envie de novo.
failure-may-have-been-sent = A conexão caiu durante o envio, e a mensagem pode ter sido enviada. Veja nos Itens Enviados antes de enviar de novo.
failure-cannot-follow = A mensagem não pode mais ser acompanhada, e você pediu para enviá-la só se pudesse. Nada foi enviado.
failure-graph-unavailable = O Microsoft 365 ficou muito tempo sem responder, e paramos de tentar. Nada foi enviado. Tente de novo.
failure-unexpected = Algo deu errado do nosso lado, e a mensagem não foi enviada. Tente de novo. Se acontecer outra vez, avise o administrador.
